/**
 * Chains that other programs make, possibly after knockctl starts: Docker and other container engines, Kubernetes,
 * libvirt, ufw, firewalld, fail2ban, sshguard, Tailscale, NetBird. A jump into one of them waits for the chain; any
 * other missing chain is a typing error.
 */
const MADE_BY_PROGRAMS =
  /^(?:DOCKER|PODMAN|NETAVARK|CNI-|KUBE-|FLANNEL|WEAVE|CILIUM|OLD_CILIUM|cali-|LIBVIRT_|ufw6?-|INPUT_|FORWARD_|IN_|FWD[IO]?_|f2b-|fail2ban-|sshguard|ts-|NETBIRD|crowdsec|CROWDSEC)/;

/** True for a chain that a known program makes. */
export function isMadeLater(chain: string): boolean {
  return MADE_BY_PROGRAMS.test(chain);
}
