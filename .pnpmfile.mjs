/** A program is packed whole: who installs it gets nothing beside it. */
function withoutBundled(manifest) {
  const { dependencies: _bundled, ...others } = manifest;
  return others;
}

export const hooks = {
  beforePacking: (manifest) => (manifest.bin === undefined ? manifest : withoutBundled(manifest)),
};
