/** Whether tests in containers are meant to run: where an engine answers (auto), in any case, or not at all. */
export const DOCKER_TESTS = ["required", "off"].find((value) => value === process.env["HUBSCALE_TEST_DOCKER"]) ?? "auto";
