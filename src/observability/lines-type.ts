/** The media type of records: one JSON object a line. */
export const linesType = 'application/x-ndjson'
