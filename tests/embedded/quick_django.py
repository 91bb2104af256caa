"""The example in Django, unchanged, but that its passwords are hashed in no time."""

import sys

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.management import execute_from_command_line

PBKDF2PasswordHasher.iterations = 1

import embedded_django  # noqa: E402

asgi = embedded_django.asgi
django_wsgi = embedded_django.wsgi

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
