import { describe, expect, it } from 'vitest';
import { SpeedMeter } from '../../../src/features/upload/speedMeter';

describe('the speed', () => {
  it('is that of the last seconds', () => {
    const meter = new SpeedMeter();
    for (let second = 0; second <= 20; second++) {
      const bytes = second < 10 ? second * 1000 : 10_000 + (second - 10) * 5000;
      meter.add(second * 1000, bytes);
    }
    expect(meter.bytesPerSecond).toBeCloseTo(5000, -2);
  });

  it('is unknown at first', () => {
    const meter = new SpeedMeter();
    meter.add(0, 0);
    meter.add(100, 1e9);
    expect(meter.bytesPerSecond).toBeUndefined();
  });
});
