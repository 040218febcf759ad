/** Where a command prints. */
export interface ImgHost {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}
