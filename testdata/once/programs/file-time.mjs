const loaded = new File(['x'], 'name').lastModified;
export default () => loaded;
