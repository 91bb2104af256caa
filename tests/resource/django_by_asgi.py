"""The example in Django, served over ASGI."""

import sys

from django.core.asgi import get_asgi_application
from tests.resource.serving import EXAMPLES

sys.path.insert(0, str(EXAMPLES / "api-django"))
__import__("api_django")
app = get_asgi_application()
