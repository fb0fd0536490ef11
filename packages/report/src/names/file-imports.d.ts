/** A file that the executable contains (`with { type: "file" }`); the import is its path. */
declare module "*.gz" {
  const path: string;
  export default path;
}
