/** Called before `writeSnapshot` returns. */
export type SnapshotCallback = (error: Error | null, filename?: string) => void;

/**
 * Writes a heap snapshot to `heapdump-<seconds>.<microseconds>.heapsnapshot` in the working folder.
 *
 * @returns whether that worked
 */
export function writeSnapshot(callback?: SnapshotCallback): boolean;

/**
 * Writes a heap snapshot.
 *
 * @returns whether that worked
 */
export function writeSnapshot(filename?: string, callback?: SnapshotCallback): boolean;
