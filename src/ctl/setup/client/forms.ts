import { portWords, type ClientPlan } from './plan.js';

/** The file ~/.config/knock/NAME of the client `knock`. */
export function profileText({ door, host, steps, delayMs, port }: ClientPlan): string {
  const then = port === undefined ? '' : `# then = ssh ${port === 22 ? '' : `-p ${port} `}${host}\n`;
  return `# ~/.config/knock/NAME (mode 600): knock NAME knocks at ${door}
host = ${host}
ports = ${portWords(steps).join(' ')}
delay = ${delayMs}
${then}`;
}

/** Lines of ~/.ssh/config. The sequence stands in a file, since every user of a machine sees its command lines. */
export function sshConfig({ door, host, port }: ClientPlan): string {
  const name = fileName(door);
  return `# For ~/.ssh/config. Needs ~/.config/knock/${name}: knockctl client '${door}'
Host ${name}
    HostName ${host}
    Port ${port ?? 22}
    ProxyCommand knock ${name} --then nc %h %p
`;
}

/** One line that a person can read from a screen and type. */
export function commandLineOf({ host, steps, delayMs }: ClientPlan): string {
  return `knock -d ${delayMs} ${host} ${portWords(steps).join(' ')}`;
}

/** A door's name as that of a file and of a host in ssh_config(5). */
export function fileName(door: string): string {
  return door.replaceAll(/[^\w.-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '') || 'knock';
}
