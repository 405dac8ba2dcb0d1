/** Why a hub cannot run on this data folder, with what to do next. The program prints the message and exits 1. */
export type CannotStartCode = "data_folder_in_use" | "data_folder_unusable" | "store_corrupt";

export class CannotStart extends Error {
  readonly code: CannotStartCode;
  constructor(code: CannotStartCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CannotStart";
    this.code = code;
  }
}
