"""Plug-ins are found by listing files, and their options checked against their signature."""

import pytest

from screensmith import plugins


def test_files_are_plug_ins_unless_they_begin_with_an_underscore():
    assert "neko" in plugins.names("dialects")
    assert not [name for name in plugins.names("environments") if name.startswith("_")]


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(plugins.UnknownName, match=r"unknown dialect 'nekko'; did you mean 'neko'\?"):
        plugins.load("dialects", "nekko")


def test_a_dotted_name_reaches_a_users_module(tmp_path, monkeypatch):
    (tmp_path / "my_words").mkdir()
    (tmp_path / "my_words" / "mine.py").write_text("ANSWER = 42\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert plugins.load("dialects", "my_words.mine").ANSWER == 42
    with pytest.raises(plugins.UnknownName, match="cannot find the module"):
        plugins.load("dialects", "no_such_package.mine")


def function(sample, *, decimals: int = 3, mode: str = "web"):
    return sample, decimals, mode


def test_options_are_the_keyword_arguments():
    assert list(plugins.options_of(function)) == ["decimals", "mode"]
    assert plugins.check_options(function, {"mode": "phone"}, "x") == {"mode": "phone"}
    with pytest.raises(plugins.UnknownName, match="'decimal'; did you mean 'decimals'"):
        plugins.check_options(function, {"decimal": 2}, "dialect x")
