/** Something that happened, as QMP tells it. */
export interface GraphEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, string | number | boolean>>;
}

/** Hears of an event in the tick in which it happens. */
export type EmitEvent = (event: GraphEvent) => void;
