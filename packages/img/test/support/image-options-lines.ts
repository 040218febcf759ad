import { lines } from './look-lines.ts';

/** Images that are named by lists of options, or in JSON. */
export const IMAGE_OPTIONS = lines(`
  info --image-opts driver=qcow2,file.filename=a.qcow2
  info --image-opts driver=qcow2,file.driver=file,file.filename=a.qcow2
  info --image-opts file.filename=a.qcow2
  info --image-opts file.filename=file:a.qcow2
  info --image-opts driver=raw,file.filename=a.qcow2
  info --image-opts driver=file,filename=a.qcow2
  info --output=json --image-opts driver=file,filename=a.qcow2
  info --backing-chain --image-opts driver=qcow2,file.filename=top.qcow2
  info --image-opts driver=qcow2,file.filename=a.qcow2,force-share=on,read-only=on
  info --image-opts driver=qcow2,file.filename=a.qcow2,lazy-refcounts=on,file.locking=off
  info -U --image-opts driver=qcow2,file.filename=a.qcow2
  info -U --image-opts driver=qcow2,file.filename=a.qcow2,force-share=on
  info -U --image-opts driver=qcow2,file.filename=a.qcow2,force-share=off
  info --image-opts driver=qcow2
  info --image-opts foo
  info --image-opts ''
  info --image-opts filename=a.qcow2
  info --image-opts driver=qcow2,filename=a.qcow2
  info --image-opts driver=qcow2,file=a.qcow2
  info --image-opts driver=foo,file.filename=a.qcow2
  info --image-opts driver=qcow2,file.filename=a.qcow2,foo=bar
  info --image-opts driver=qcow2,file.filename=a.qcow2,file.foo=bar
  info --image-opts driver=qcow2,file.filename=a.raw
  info --image-opts driver=qcow2,file.filename=not-there
  info --image-opts driver=file
  info --image-opts driver=file,filename=not-there
  info --image-opts -f qcow2 driver=qcow2,file.filename=a.qcow2
  info 'json:{"driver":"qcow2","file":{"driver":"file","filename":"a.qcow2"}}'
  info 'json:{"driver":"qcow2","file.filename":"a.qcow2"}'
  info "json:{'driver':'raw','file':{'driver':'file','filename':'a.raw'}}"
  info 'json:{"file":{"driver":"foo","filename":"a.qcow2"}}'
  info 'json:[]'
  info --object secret,id=x,data=abc a.raw
  info --object foo,id=x a.raw
  map --image-opts driver=qcow2,file.filename=top.qcow2
  map --output=json --image-opts driver=qcow2,file.filename=top.qcow2
  map --output=json 'json:{"driver":"qcow2","file":{"driver":"file","filename":"top.qcow2"},"backing":null}'
  map 'json:{"driver":"qcow2","file":{"driver":"file","filename":"gone.qcow2"},"backing":null}'
  compare 'json:{"driver":"qcow2","file":{"driver":"file","filename":"gone.qcow2"},"backing":null}' empty.qcow2
  map --output=json --image-opts driver=qcow2,file.filename=a.qcow2,force-share=on
  check --image-opts driver=qcow2,file.filename=a.qcow2
  check --image-opts driver=raw,file.filename=a.raw
  snapshot -l --image-opts driver=qcow2,file.filename=snapshots.qcow2
  measure --image-opts driver=qcow2,file.filename=a.qcow2
  measure --image-opts
  measure -O qcow2 --image-opts driver=qcow2,file.filename=top.qcow2
  compare --image-opts driver=qcow2,file.filename=a.qcow2 driver=raw,file.filename=a.raw
  compare --image-opts driver=qcow2,file.filename=a.qcow2 driver=raw,file.filename=not-there
  compare --image-opts -f raw driver=qcow2,file.filename=a.qcow2 driver=raw,file.filename=a.raw
  info nbd:foo
  info nbd://
  info --image-opts driver=nbd
  info --image-opts driver=nbd,path=/x,host=y
`);

/** The same for commands that change images; one line after the other. */
export const CHANGED_BY_OPTIONS = lines(`
  create -f qcow2 new.qcow2 1M
  create -f raw new.raw 1M
  resize --image-opts driver=qcow2,file.filename=new.qcow2 2M
  resize --image-opts driver=raw,file.filename=new.raw 2M
  bitmap --add --image-opts driver=qcow2,file.filename=new.qcow2 one
  bitmap --add --image-opts driver=raw,file.filename=new.raw one
  convert -O qcow2 --image-opts driver=qcow2,file.filename=top.qcow2 out.qcow2
  convert --image-opts --target-image-opts driver=raw,file.filename=a.raw driver=raw,file.filename=new.raw
  convert -n --image-opts --target-image-opts driver=raw,file.filename=a.raw driver=raw,file.filename=new.raw
  convert -n --target-image-opts a.qcow2 driver=qcow2,file.filename=new.qcow2
  resize --image-opts driver=qcow2,file.filename=larger.qcow2,force-share=on 3M
  resize --image-opts driver=qcow2,file.filename=larger.qcow2,file.locking=off 3M
  convert -n --target-image-opts -O qcow2 a.qcow2 driver=qcow2,file.filename=new.qcow2
  convert -n --target-image-opts a.qcow2 driver=qcow2,file.filename=not-there
  create -f qcow2 -b 'json:{"driver":"qcow2","file.filename":"a.qcow2"}' -F qcow2 new.qcow2
  create --object foo,id=x -f qcow2 new.qcow2 1M
  create -f qcow2 --object secret,id=x,data=abc new.qcow2 1M
`);
