export * from "./task-transition.ts";
