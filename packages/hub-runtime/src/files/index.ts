/** Files that a person hands to a program, and files that a program wrote and reads again. */
export { InputFileError } from "./input-file-error.ts";
export { INPUT_BYTES_MAX, lineAt, readInputText, type TextRead } from "./input-text.ts";
export { type JsonFile, readJsonFile } from "./json-file.ts";
export { type FieldPath, JSON_DEPTH_MAX } from "./json-text.ts";
export { syncFolder, writeWholeFile } from "./whole-file.ts";
