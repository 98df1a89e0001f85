// Extracts the browser into TMPDIR, with the libraries and fonts that a bare machine lacks.
import { inflate } from "@sparticuz/chromium";

for (const archive of ["chromium.br", "al2023.tar.br", "fonts.tar.br"]) {
  await inflate(`node_modules/@sparticuz/chromium/bin/${archive}`);
}
