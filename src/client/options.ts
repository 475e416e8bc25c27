/** The options of `knock`, for parseArgs. */
export const OPTIONS = {
  udp: { type: 'boolean', short: 'u' },
  delay: { type: 'string', short: 'd' },
  repeat: { type: 'string', short: 'r' },
  file: { type: 'string', short: 'f' },
  // Another name of --file.
  'sequence-file': { type: 'string' },
  ipv4: { type: 'boolean', short: '4' },
  ipv6: { type: 'boolean', short: '6' },
  both: { type: 'boolean' },
  interface: { type: 'string', short: 'i' },
  // Its value, all the words behind it, is beyond parseArgs.
  then: { type: 'boolean' },
  verbose: { type: 'boolean', short: 'v' },
  version: { type: 'boolean', short: 'V' },
  help: { type: 'boolean', short: 'h' },
} as const;
