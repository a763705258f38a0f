"""The words people read, in English and Chinese, apart from the code that fills them."""
