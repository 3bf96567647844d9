import { picked } from "conditions"; import map from "browser-map";
export default () => [picked, map.side, map.hasEvents];
