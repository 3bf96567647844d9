import yaml from "./b.yaml";
export default yaml;
