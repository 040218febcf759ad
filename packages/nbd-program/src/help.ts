/** What `--help` prints. */
export const HELP = `tidemark nbd takes qemu-nbd's command lines: it serves one drive over NBD. Enabled dirty bitmaps of
the drive, in a qcow2 image or in the sidecar of a raw drive, record what clients write.

USAGE
  tidemark nbd [OPTIONS] FILE
  tidemark nbd -L [OPTIONS]

WHERE
  -k, --socket=PATH         a unix socket; its path is absolute
  -p, --port=PORT           a TCP port (10809 when left out)
  -b, --bind=ADDRESS        an address of this machine (127.0.0.1 when left out; anybody who reaches
                            another may read and write the drive, unless there is TLS)
Or it listens on a socket that systemd hands it (LISTEN_PID, LISTEN_FDS), without any of these.

WHAT
  -f, --format=FORMAT       raw or qcow2; FILE may be the address of an NBD server too
  -r, --read-only           for reading only
  -x, --export-name=NAME    name of the export (empty when left out)
  -D, --description=TEXT    a text for people
  -B, --bitmap=NAME         offers a dirty bitmap as qemu:dirty-bitmap:NAME; may be given again
  -A, --allocation-depth    offers qemu:allocation-depth
      --discard=MODE        ignore (when left out) or unmap: whether clients give space back

HOW
  -e, --shared=NUM          clients at a time (1 when left out); 0 for any number
  -t, --persistent          goes on when the last client is gone
      --fork                returns when clients can connect, and goes on in the background
      --pid-file=PATH       writes the number of the process there
      --object TYPE,id=ID,...
                            tls-creds-x509, tls-creds-psk, authz-simple or authz-list, as QEMU has them
      --tls-creds=ID        TLS by an object of these
      --tls-authz=ID        who may come in, by an object of these
      --tls-hostname=NAME   with -L: who the certificate of the server is for
  -v, --verbose             says what goes wrong with clients
  -L, --list                lists the exports of a server that listens there
  -h, --help; -V, --version

SIGTERM, SIGINT and SIGHUP end it in order. docs/qemu-nbd.md lists what differs from qemu-nbd.
`;
