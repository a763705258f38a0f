"""Texts that people read, in English and Chinese, separate from the code that fills them."""
