"""Second factors: the second stage of a sign-in, and the pages on which users manage them."""
