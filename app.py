"""The server for development, started again whenever a file changes: `python app.py`."""

import sys

from aimanager import ConfigurationError, Settings, create_app

if __name__ == "__main__":
    try:
        settings = Settings.from_env()
        app = create_app(settings)
    except ConfigurationError as error:
        sys.exit(str(error))
    app.run(settings.host, settings.port, use_reloader=True, threaded=True)
