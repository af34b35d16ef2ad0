"""The server for development, started again whenever a file changes: `python app.py`."""

from aimanager import create_app
from aimanager.config import Settings

if __name__ == "__main__":
    settings = Settings.from_env()
    create_app(settings=settings).run(
        settings.host, settings.port, debug=False, use_reloader=True, threaded=True
    )
