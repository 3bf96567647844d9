import { name } from '#platform';
import inner from '#internal/inner';
import { kind } from '#dual';
export default { name, inner, kind };
