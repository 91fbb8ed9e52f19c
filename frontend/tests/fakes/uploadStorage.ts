import type { StoredUpload, UploadStorage } from '../../src/storage/uploadStorage';

/** An upload storage in memory. */
export class FakeUploadStorage implements UploadStorage {
  records = new Map<string, StoredUpload>();
  files = new Map<string, File>();

  list = async () => [...this.records.values()];
  save = async (record: StoredUpload) => void this.records.set(record.key, record);
  saveFile = async (key: string, file: File) => void this.files.set(key, file);
  loadFile = async (key: string) => this.files.get(key);
  remove = async (key: string) => {
    this.records.delete(key);
    this.files.delete(key);
  };
}
