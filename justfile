# Each recipe is the Makefile's target of the same name, which does its own set-up.

# list the recipes
default:
    @just --list

# learn from recorded episodes, then operate a real browser
quickstart *arguments:
    @make --no-print-directory quickstart ARGS="{{arguments}}"

# fine-tune: `just train --lr 1e-5`
train *arguments:
    @make --no-print-directory train ARGS="{{arguments}}"

# pass the tests: `just test -k config`
test *arguments:
    @make --no-print-directory test PYTEST="{{arguments}}"

# check style, types and import directions
lint:
    @make --no-print-directory lint
