package com.example.versions;

public class EchoService implements Echo {
    @Override
    public String echo(String text) {
        return text;
    }

    @Override
    public byte[] bytes(int n) {
        byte[] b = new byte[n];
        for (int i = 0; i < n; i++) {
            b[i] = (byte) (i * 31 + i / 251);
        }
        return b;
    }

    @Override
    public int later(int millis) throws Exception {
        Thread.sleep(millis);
        return millis;
    }
}
