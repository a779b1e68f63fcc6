"""The nouns: small frozen types that every data set becomes and every model is fed from."""
