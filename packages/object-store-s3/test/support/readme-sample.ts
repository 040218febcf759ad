import { openS3Store } from '@tidemark/object-store-s3';

await using store = openS3Store('s3://backups/site?endpoint=https://ceph.example&region=default');
console.log(store.label); // nobody is asked until it is used
