// What mp4box.js, GPAC's own parser of ISO base media files, finds wrong with MP4 files: node judge.mjs LIBRARY FILE…
// Prints a JSON object with a list of complaints for each file. Nothing in here is this project's.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [library, ...paths] = process.argv.slice(2);
const { createFile, Log, MP4BoxBuffer } = await import(pathToFileURL(library));

/** Inner boxes and sample entries, which must fill their box from where they begin to its end. */
function checkTiling(box, complaints) {
  const inner = [...(box.boxes ?? []), ...(box.entries ?? [])].filter((one) => one?.type);
  if (box.has_unparsed_data) complaints.push(`${box.type}: bytes that belong to no field`);
  inner.forEach((one, index) => {
    const end = one.start + one.size;
    const next = inner[index + 1]?.start ?? box.start + box.size;
    if (end !== next) complaints.push(`${box.type}: ${one.type} ends at ${end} instead of ${next}`);
    checkTiling(one, complaints);
  });
}

/** The samples must fill the media data, one behind the other, and follow each other without a hole. */
function checkSamples(file, track, complaints) {
  const samples = file.getTrackSamplesInfo(track.id);
  const data = file.boxes.find((box) => box.type === "mdat");
  let offset = data.start + data.hdr_size;
  let time = 0;
  for (const [index, sample] of samples.entries()) {
    if (sample.offset !== offset) complaints.push(`sample ${index + 1} lies at ${sample.offset} instead of ${offset}`);
    if (sample.dts !== time) complaints.push(`sample ${index + 1} is decoded at ${sample.dts} instead of ${time}`);
    if (sample.cts < sample.dts) complaints.push(`sample ${index + 1} is shown before it is decoded`);
    offset += sample.size;
    time += sample.duration;
  }
  if (!samples.length || !samples[0].is_sync) complaints.push("the first sample is no sync sample");
  if (offset !== data.start + data.size) complaints.push(`the samples end at ${offset}, not with the media data`);
}

/** All that says how long something lasts must say the same, and the edit list must show what there is. */
function checkDurations(file, track, complaints) {
  const { mvhd } = file.moov;
  const [{ tkhd, mdia }] = file.moov.traks;
  const { sample_counts: counts, sample_deltas: deltas } = mdia.minf.stbl.stts;
  const media = counts.reduce((sum, count, row) => sum + count * deltas[row], 0);
  if (media !== mdia.mdhd.duration) complaints.push(`the samples last ${media} instead of ${mdia.mdhd.duration}`);
  const shown = track.edits.reduce((sum, edit) => sum + edit.segment_duration, 0);
  if (new Set([shown, mvhd.duration, tkhd.duration]).size > 1) complaints.push("edit list, track and movie differ");
  const last = Math.max(...file.getTrackSamplesInfo(track.id).map((sample) => sample.cts + sample.duration));
  for (const edit of track.edits) {
    if (edit.media_time < 0 || edit.media_time + edit.segment_duration > last) complaints.push("more is shown than there is");
  }
}

/** Writes each box anew from what was understood of it. */
function rewritten(file) {
  const bytes = Buffer.from(file.getBuffer().buffer);
  // mp4box.js writes zeros where ISO/IEC 14496-15 section 8.3.3.1.2 has four reserved ones.
  const hvcC = file.moov.traks[0].mdia.minf.stbl.stsd.entries[0].hvcC;
  if (hvcC) bytes[hvcC.start + hvcC.hdr_size + 13] |= 0xf0;
  return bytes;
}

function complaintsAbout(path) {
  const complaints = [];
  for (const level of ["warn", "error"]) {
    Log[level] = (module, message) => complaints.push(`${level}: ${module}: ${message}`);
  }
  const bytes = readFileSync(path);
  const file = createFile(true);
  file.onError = (module, message) => complaints.push(`${module}: ${message}`);
  file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(new Uint8Array(bytes).buffer, 0), true);
  file.flush();
  const kinds = file.boxes.map((box) => box.type).join(" ");
  if (kinds !== "ftyp moov mdat") return [...complaints, `the file consists of ${kinds}`];
  checkTiling({ type: "the file", start: 0, size: bytes.length, boxes: file.boxes }, complaints);
  const info = file.getInfo();
  if (info.tracks.length !== 1 || info.videoTracks.length !== 1) return [...complaints, "there is not just one video"];
  checkSamples(file, info.tracks[0], complaints);
  checkDurations(file, info.tracks[0], complaints);
  if (!rewritten(file).equals(bytes)) complaints.push("written anew, the file is another one");
  return complaints;
}

console.log(JSON.stringify(Object.fromEntries(paths.map((path) => [path, complaintsAbout(path)]))));
