/** What an installation puts where. */
interface InstalledFile {
  /** In the package, from its top. */
  readonly source: string;
  readonly target: string;
  readonly mode: number;
  /** Only where this folder is there. */
  readonly where?: string;
}

/** What stands in a file for the command itself. */
export const PLACEHOLDER = '@KNOCKCTL@';

const MANUAL = '/usr/local/share/man';

/** The files of an installation without a package manager; links to the programs come besides. */
export const FILES: readonly InstalledFile[] = [
  { source: 'init/knockctl.sysv', target: '/etc/init.d/knockctl', mode: 0o755, where: '/etc/init.d' },
  { source: 'init/knockctl.cron', target: '/etc/cron.d/knockctl', mode: 0o644, where: '/etc/cron.d' },
  {
    source: 'init/knockctl.logrotate',
    target: '/etc/logrotate.d/knockctl',
    mode: 0o644,
    where: '/etc/logrotate.d',
  },
  {
    source: 'init/knockctl.service',
    target: '/etc/systemd/system/knockctl.service',
    mode: 0o644,
    where: '/etc/systemd/system',
  },
  {
    source: 'init/netfilter-persistent',
    target: '/usr/share/netfilter-persistent/plugins.d/05-knockctl',
    mode: 0o755,
    where: '/usr/share/netfilter-persistent/plugins.d',
  },
  ...['knock.1', 'knockctl.conf.5', 'knockd.trusted.5', 'knockctl.8'].map((page) => ({
    source: `docs/man/${page}`,
    target: `${MANUAL}/man${page.slice(-1)}/${page}`,
    mode: 0o644,
  })),
  {
    source: 'init/completion/knockctl.bash',
    target: '/usr/local/share/bash-completion/completions/knockctl',
    mode: 0o644,
  },
  {
    source: 'init/completion/_knockctl',
    target: '/usr/local/share/zsh/site-functions/_knockctl',
    mode: 0o644,
  },
];

/** The programs, and the names that they are called by. */
export const PROGRAMS: readonly { readonly source: string; readonly target: string }[] = [
  { source: 'dist/app/bin/knockctl.js', target: '/usr/local/sbin/knockctl' },
  { source: 'dist/app/bin/knock.js', target: '/usr/local/bin/knock' },
];
