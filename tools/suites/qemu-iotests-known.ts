/** Tests of tests/qemu-iotests, with the words that `check` takes before their names. */
export const TESTS: readonly { readonly words: readonly string[]; readonly tests: string[] }[] = [
  {
    words: ['-qcow2'],
    tests: names(`
      qemu-img-bitmaps nbd-qemu-allocation qsd-jobs
      001 002 003 004 005 007 008 009 010 011 012 017 018 019 020 021 024 025 027 028 029 031 032 033 034
      035 036 037 038 039 042 046 047 048 049 050 052 053 054 058 060 061 062 063 065 066 068 069 071 072
      073 074 080 082 086 089 090 095 096 098 099 102 103 105 107 110 111 114 115 120 122 125 126 127 129
      130 132 133 134 137 138 139 140 141 143 144 145 150 152 153 154 156 157 158 159 161 162 165 170 172
      176 177 179 181 182 183 185 190 191 192 194 195 196 200 201 202 203 204 206 208 209 214 215 216 217
      218 223 224 226 227 229 233 234 235 236 238 240 242 243 244 246 247 248 249 250 251 252 254 255 256
      258 260 261 262 265 267 268 270 271 272 273 274 277 279 280 286 287 289 290 292 299 302 303 304 305
      307 310 312 313`),
  },
  { words: ['-raw'], tests: names('221 253 block-status-cache 175 077 101 106 109 128 160 171') },
  { words: ['-raw', '-nbd'], tests: names('119 123 147 205 241 259 005 021 032 045 094 113') },
];

const CHECK =
  'check -r puts counts right where they are, or elsewhere, so that it frees other clusters';
const NAMES = 'new images have no table of names of features, and clusters lie elsewhere';
const DRIVERS = 'it needs a driver that is not here: blkdebug, null-co, quorum, ssh';
const ENCRYPTION = 'it needs encryption';
const LUCK = 'the emulator prints times, or how far a job is, which are other ones each time';
const SNAPSHOT = 'it reads an internal snapshot in the place of the disk (-l)';

/** Why what a test prints with our programs differs from what it prints with QEMU's. */
export const KNOWN: Readonly<Record<string, string>> = {
  'qsd-jobs': 'it needs --chardev stdio, and jobs that commit and stream',
  '020': DRIVERS,
  '029': SNAPSHOT,
  '031': NAMES,
  '036': NAMES,
  '039': CHECK,
  '049': ENCRYPTION,
  '054': 'a hint follows the message',
  '058': SNAPSHOT,
  '060': CHECK,
  '061': NAMES,
  '074': DRIVERS,
  '080': SNAPSHOT,
  '082': '-o help is in our own words',
  '086': '-p shows progress in other steps',
  '102': 'clusters that are said to lie behind the end of the file are refused, not read as zeros',
  '109': 'it needs formats other than raw and qcow2',
  '110': DRIVERS,
  '122': 'clusters lie elsewhere',
  '125': 'the file of an image grows in steps of 1 MiB',
  '134': ENCRYPTION,
  '137': 'it needs a disk of more than 8 PiB',
  '144': LUCK,
  '150': DRIVERS,
  '153': DRIVERS,
  '158': ENCRYPTION,
  '162': DRIVERS,
  '175': 'a new raw file takes up no block until something is written',
  '185': 'it needs groups of throttling in the daemon',
  '190': 'an image with bitmaps takes less room here, and its size is what is measured',
  '204': DRIVERS,
  '205': 'the emulator tells in two ways of a server that is closed while it is asked',
  '206': ENCRYPTION,
  '233': 'why TLS did not come about is said in our own words',
  '241': 'a raw file is served with the size that it has',
  '242': 'info lists bitmaps because of which QEMU opens no image',
  '244':
    'it needs blkdebug, and what lies behind the end of a disk in a raw data file does not show when that grows',
  '250': 'resize --shrink frees clusters in the image, and gives none back to the file system',
  '251': DRIVERS,
  '253': DRIVERS,
  '259': 'it makes an image on an NBD server',
  '261': 'a damaged table of snapshots is not repaired, and described in our own words',
  '267': LUCK,
  '270': DRIVERS,
  '271': CHECK,
  '274':
    'what is added over a longer backing file is hidden only where that would show, and preallocated as data',
  '280': LUCK,
  '302': 'it needs qemu-nbd -o',
  '303': 'clusters lie elsewhere, and an image with bitmaps has a header extension of our own',
  '307': "the emulator crashes in it, with QEMU's programs too",
  '312': DRIVERS,
};

function names(text: string): string[] {
  return text.split(/\s+/).filter((name) => name !== '');
}
