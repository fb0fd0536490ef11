/** Files imported as text (`with { type: "text" }`), to be served to browsers. */
declare module "*.css" {
  const text: string;
  export default text;
}
declare module "*/browser-script.js" {
  const text: string;
  export default text;
}
