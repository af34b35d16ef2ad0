"""What gunicorn serves: `gunicorn -c gunicorn.conf.py wsgi:app`."""

from aimanager import create_app

app = create_app()
