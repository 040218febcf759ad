/** Something that happened, as QMP tells it. */
export interface GraphEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, string | number | boolean>>;
}

export type EmitEvent = (event: GraphEvent) => void;
