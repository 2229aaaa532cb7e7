/** The API's own types, by the names that the page has for them. */
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Video = Schemas["VideoView"];
export type VideoList = Schemas["VideoList"];
export type CreatedVideo = Schemas["CreatedVideo"];
export type NewVideo = Schemas["NewVideo"];
export type UploadedPart = Schemas["UploadedPart"];
export type JobState = Schemas["JobState"];

export type PageConfig = Schemas["ConfigView"];
export type SignInConfig = Schemas["SignInView"];
export type Me = Schemas["MeView"];
export type AppList = Schemas["AppList"];
export type ServeAppChoice = Schemas["AppView"];

/** States in which nothing changes any more. */
export const isFinal = (state: JobState): boolean => state === "done" || state === "failed" || state === "deleted";
