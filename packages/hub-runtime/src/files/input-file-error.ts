/** A file that was handed to a program is wrong: its message names the file, the place, and what to do. Programs end with 2 on it. */
export class InputFileError extends Error {
  override readonly name = "InputFileError";
}
