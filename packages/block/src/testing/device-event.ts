/** What reached a device. Bytes of a write are a copy. */
export type DeviceEvent =
  | { readonly op: 'write'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly op: 'writeZeroes'; readonly offset: number; readonly length: number }
  | { readonly op: 'discard'; readonly offset: number; readonly length: number }
  | { readonly op: 'resize'; readonly size: number }
  | FlushEvent;

/** A flush that succeeded: the events before `upTo` are durable, apart from some. */
export interface FlushEvent {
  readonly op: 'flush';
  readonly upTo: number;
  /** Events that were not acknowledged when the flush began, or failed, by index. */
  readonly except: ReadonlySet<number>;
}
