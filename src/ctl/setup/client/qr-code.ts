import { encodeQR } from 'qr';

/** Light modules around it, as the standard asks for. */
const BORDER = 4;

/** A QR code of half blocks, two modules a character; `invert` for terminals that are dark. Undefined where it is wider than the columns. */
export function qrCode(text: string, columns: number, colour: boolean): string | undefined {
  const modules = encodeQR(text, 'raw', { ecc: 'low', border: BORDER });
  if (modules.length > columns) return undefined;
  const lines: string[] = [];
  for (let row = 0; row < modules.length; row += 2) {
    const [upper = [], lower = []] = [modules[row], modules[row + 1]];
    const line = upper.map((isDark, column) => block(isDark, lower[column] ?? false)).join('');
    // Light is drawn: it is right on a dark terminal, and with colours on every one.
    lines.push(colour ? `\u001b[37m\u001b[40m${line}\u001b[0m` : line);
  }
  return `${lines.join('\n')}\n`;
}

function block(isUpperDark: boolean, isLowerDark: boolean): string {
  if (isUpperDark) return isLowerDark ? ' ' : '▄';
  return isLowerDark ? '▀' : '█';
}
