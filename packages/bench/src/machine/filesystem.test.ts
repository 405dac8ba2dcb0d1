import { describe, expect, it } from "vitest";
import { diskFolder, mountIn } from "./filesystem.ts";

const MOUNTS = [
  "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw",
  "30 22 0:26 / /tmp rw,nosuid - tmpfs tmpfs rw",
  "31 22 8:1 / /mnt/my\\040disk rw - xfs /dev/sda1 rw",
  "32 22 8:2 / /tmp rw,nosuid - btrfs /dev/sdb1 rw",
].join("\n");

describe("mountIn", () => {
  it.each([
    ["/home/me", "ext4"],
    ["/tmpfiles", "ext4"],
    ["/tmp/run", "btrfs"],
    ["/mnt/my disk", "xfs"],
  ])("%s is on %s", (path, filesystem) => {
    expect(mountIn(MOUNTS, path).filesystem).toBe(filesystem);
  });
});

describe("diskFolder", () => {
  it("passes over what is not there or in memory, and takes the first when all are", () => {
    expect(diskFolder(["/nonexistent", "/usr"])).toBe("/usr");
    expect(diskFolder(["/nonexistent", "/nonexistent/either"])).toBe("/nonexistent");
  });
});
