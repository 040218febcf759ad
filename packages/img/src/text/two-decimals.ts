/** With two decimals, as C prints it: of two that are as near, the even one (0.125 is 0.12). */
export function twoDecimals(value: number): string {
  const isBetween = Math.abs((value * 8) % 2) === 1;
  return (isBetween ? (2 * Math.round(value * 50)) / 100 : value).toFixed(2);
}
