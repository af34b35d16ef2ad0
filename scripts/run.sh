#!/bin/sh
# Run the server in the foreground, as this very process, so that signals reach it.
#
# When only make is interrupted, and not its whole process group as a terminal does, it waits for its commands without
# passing the signal on; a killed make passes nothing on either. So a watcher looks at make once a second and stops the
# server if make has ended. It needs Linux's /proc; elsewhere only an interrupt from the terminal stops the server.
set -u
cd "$(dirname "$0")/.."

make_has_ended() {
    # While make handles an interrupt (signal 2, the second bit) it blocks it and catches it no more.
    blocked= caught=
    while read -r name mask; do
        case "$name $mask" in
            "State: Z"*) return 0 ;;
            SigBlk:*) blocked=$mask ;;
            SigCgt:*) caught=$mask ;;
        esac
    done <"/proc/$PPID/status" || return 0
    case $blocked in *[014589cd]) return 1 ;; esac
    case $caught in *[2367abef]) return 1 ;; esac
    return 0
}

watch() {
    while sleep 1 && kill -0 $$; do
        if make_has_ended; then kill -TERM $$ && break; fi
    done
}

if [ -n "${MAKELEVEL:-}" ] && [ -r "/proc/$PPID/status" ]; then
    (watch </dev/null >/dev/null 2>&1 &)
fi
# gunicorn takes half a second to load, in which an interrupt would print a traceback.
quiet='import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); from gunicorn.app.wsgiapp import run; run()'
exec .venv/bin/python -c "$quiet" -c gunicorn.conf.py wsgi:app
