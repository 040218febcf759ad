import * as v from 'valibot';
import { key, mapping, matching, named, optional, path, text } from './fields.ts';
import { Listen, UnixListen } from './serving-schema.ts';

/** What an URL holds without being encoded. */
const TICKET = /^[A-Za-z0-9._~-]{1,255}$/;
const TICKET_EXPECTED = 'a name of at most 255 letters, digits, - . _ ~';

const Image = mapping({
  drive: key(text, 'The drive that is read'),
  bitmap: optional(text, 'One of its bitmaps: what it calls dirty are the dirty extents', 'none'),
  node: optional(
    text,
    'Its content is read of this node, as clients of QMP make it: a target of a backup job, which shows the drive as it was when the job began',
    'the drive, as it is when it is read',
  ),
});

export const Imageio = mapping({
  listen: key(Listen, 'Where clients of imageio connect'),
  tls: optional(
    mapping({
      dir: key(
        path,
        'Holds server-cert.pem and server-key.pem. The key must not be readable by everybody',
      ),
    }),
    'HTTPS, which has to be where other machines reach it',
  ),
  images: key(
    named(Image, TICKET, TICKET_EXPECTED),
    'What is read, by the ids of the URLs, which are secrets: of 32 characters or more where other machines reach it',
  ),
});

const PLUGIN = /^(?=.{1,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;
const PLUGIN_EXPECTED = 'a domain name of at most 63 characters';

/** As `tidemark repo` takes them. */
const PLACE = /^(\/|s3:\/\/.)/;
const PLACE_EXPECTED = 'an absolute path, or s3://BUCKET/PREFIX';

export const CsiMetadata = mapping({
  listen: key(UnixListen, "Where a CSI driver's sidecar connects"),
  repository: key(
    matching(PLACE, PLACE_EXPECTED),
    'A folder or a bucket with a repository: its points are snapshots',
  ),
  'passphrase-file': optional(
    path,
    'Of an encrypted repository: its first line is the passphrase. Readable by its owner and group at most',
    'none',
  ),
  'key-file': optional(
    path,
    'Of an encrypted repository, in place of a passphrase: all of it is the key. Readable by its owner and group at most',
    'none',
  ),
  name: optional(matching(PLUGIN, PLUGIN_EXPECTED), 'What the plugin is called', 'tidemark'),
});

export type CsiMetadataConfig = v.InferOutput<typeof CsiMetadata>;
export type ImageioConfig = v.InferOutput<typeof Imageio>;
