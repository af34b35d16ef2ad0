"""What gunicorn serves: `gunicorn -c gunicorn.conf.py wsgi:app`."""

from gunicorn.errors import AppImportError

from aimanager import ConfigurationError, create_app

try:
    app = create_app()
except ConfigurationError as error:
    raise AppImportError(str(error)) from None  # gunicorn prints the sentence and stops.
