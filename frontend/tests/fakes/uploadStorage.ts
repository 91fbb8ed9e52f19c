import type { StoredUpload, UploadStorage } from '../../src/storage/uploadStorage';

/** An upload storage in memory. */
export class FakeUploadStorage implements UploadStorage {
  records = new Map<string, StoredUpload>();
  files = new Map<string, File>();

  list = async () => [...this.records.values()];
  save = async (...records: StoredUpload[]) =>
    records.forEach((record) => this.records.set(record.key, record));
  saveFile = async (key: string, file: File) => void this.files.set(key, file);
  saveFiles = async (files: ReadonlyMap<string, File>) => {
    files.forEach((file, key) => this.files.set(key, file));
    return new Set(files.keys());
  };
  loadFile = async (key: string) => this.files.get(key);
  removeFile = async (key: string) => void this.files.delete(key);
  remove = async (key: string) => {
    this.records.delete(key);
    this.files.delete(key);
  };
}
