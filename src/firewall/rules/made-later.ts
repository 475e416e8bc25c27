/**
 * Chains that another program makes, be it later than we start: Docker and other container engines, Kubernetes, libvirt,
 * ufw, firewalld, fail2ban, sshguard, Tailscale, NetBird. A jump into one of them waits for it; any other chain that is
 * not there is a slip of the pen.
 */
const MADE_BY_PROGRAMS =
  /^(?:DOCKER|PODMAN|NETAVARK|CNI-|KUBE-|FLANNEL|WEAVE|CILIUM|OLD_CILIUM|cali-|LIBVIRT_|ufw6?-|INPUT_|FORWARD_|IN_|FWD[IO]?_|f2b-|fail2ban-|sshguard|ts-|NETBIRD|crowdsec|CROWDSEC)/;

/** True for a chain that somebody's program is known to make. */
export function isMadeLater(chain: string): boolean {
  return MADE_BY_PROGRAMS.test(chain);
}
