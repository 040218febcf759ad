/** What uses a node besides other nodes: as long as it does, the node stays. */
export interface NodeUser {
  readonly kind: 'export' | 'job source' | 'job target' | 'view' | 'hand-over';
  /** Whether the size of the disk must stay as it is. */
  readonly fixesSize: boolean;
}
