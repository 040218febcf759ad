/** What `tidemarkd --help` prints. */
export const HELP = `tidemarkd serves drives over NBD and tracks every write in dirty bitmaps.

USAGE
  tidemarkd -drive file=PATH[,...] [-dirty-bitmap name=NAME[,...]] --nbd-server ADDR [--qmp ADDR]
  tidemarkd --config FILE [--check-config]

OPTIONS (with one dash or two; a comma inside a value is doubled)
  -drive file=PATH[,format=raw|qcow2][,id=ID][,read-only=on][,export=off][,durability=close]
         [,on-tracking-error=stop|report|drop][,tracking-bound=SIZE]
  -drive file=nbd[s]://HOST/EXPORT[,...] or file=nbd[s]+unix:///EXPORT?socket=PATH[,...]
      A drive on an NBD server. Its bitmaps need a sidecar: -dirty-bitmap file=PATH.
  -drive driver=memory,size=SIZE[,id=ID][,export=off]
      A drive. It is exported over NBD under its id, with its bitmaps. They are valid on disk at
      each moment, and a crash leaves them a little too large: by tracking-bound at most, 32G when
      left out; less costs more syncs. With durability=close, as in QEMU, they are stored at a clean
      end, and a crash leaves them inconsistent. Where a write cannot be marked in them,
      on-tracking-error says whether it waits (stop, the default), fails (report), or is made once
      they are durably inconsistent (drop).
  -dirty-bitmap name=NAME[,drive=ID|node=ID][,create=on|off][,enabled=on|off]
                [,granularity=SIZE][,file=SIDECAR][,file_id=NAME][,persistent=off]
      A bitmap of a drive. It lives in a qcow2 drive itself, or in the sidecar of a raw drive:
      DRIVE.tidemark.qcow2, or file=. file_id= gives that file a name for other options.
      create=on makes bitmap and sidecar and fails when the name exists; create=off, the default,
      loads it. enabled=off binds it without recording. persistent=off keeps it in memory.
      Every enabled bitmap of a drive is tracked, whether an option names it or not.
  --nbd-server addr.type=unix,addr.path=PATH[,addr.mode=0660]
  --nbd-server addr.type=inet,addr.host=HOST,addr.port=PORT[,exposed=on]
               [,tls-creds=ID[,tls-authz=ID]][,max-connections=N][,max-requests=N]
               [,max-bytes=SIZE][,handshake-seconds=N]
      Where NBD clients connect. Other hosts than this machine's own need TLS, or exposed=on.
  --object tls-creds-x509,id=ID,dir=DIR,endpoint=server[,verify-peer=on|off]
  --object tls-creds-psk,id=ID,dir=DIR,endpoint=server
  --object authz-simple,id=ID,identity=NAME
  --object authz-list,id=ID[,policy=deny|allow][,rules.N.match=NAME,rules.N.policy=allow|deny
           [,rules.N.format=exact|glob]]
      TLS for the NBD server: certificates or shared keys, and who may come in by them.
  --blockdev driver=DRIVER,node-name=NAME[,...] or JSON
  --export type=nbd,id=ID,node-name=NAME[,name=NAME][,writable=on][,bitmaps.N=NAME][,...]
  --chardev socket,id=ID,path=PATH,server=on,wait=off
  --monitor chardev=ID
      As qemu-storage-daemon has them: nodes, exports and QMP sockets, made in the order given.
  --daemonize, --pidfile PATH
      Goes on in the background once it serves; keeps its process id in a file.
  --qmp unix:PATH
      Where QMP clients connect: bitmaps can be changed while drives are served.
  --http addr.type=inet,addr.host=127.0.0.1,addr.port=PORT[,token-file=PATH]
  --http addr.type=unix,addr.path=PATH[,addr.mode=0660][,token-file=PATH]
      Serves the HTTP API and the dashboard. Who sends the token of that file may change bitmaps;
      without it nobody may. Other hosts than this machine's own need it.
  --config FILE
      Serves what a YAML file says, and what other options ask for besides. SIGHUP, or QMP's
      x-tidemark-reload, reads it again: clients of what has not changed stay connected.
  --check-config
      Says whether that file is right, and ends.
  --checkpoints DIR
      Makes changes of bitmaps on several drives, by one QMP transaction, in all of them or in none
      after a crash too: DIR tells of them while they are made. Not for durability=close.
      Without it a crash may leave such a change made on some drives.
  --help, --version

EXAMPLES
  tidemarkd -drive file=vm.qcow2,id=vm -dirty-bitmap name=nightly,drive=vm,create=on \\
            --nbd-server addr.type=unix,addr.path=/run/vm.sock
  tidemarkd -drive file=disk.raw,format=raw,id=d -dirty-bitmap name=nightly,drive=d \\
            --nbd-server addr.type=unix,addr.path=/run/d.sock --qmp unix:/run/d.qmp

SIGTERM, SIGINT and QMP's quit close it in order: bitmaps are stored, data is flushed. So does
SIGHUP where there is no --config.
`;
