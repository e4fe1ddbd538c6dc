package com.example.shop.dubbo;

import com.example.shop.Answer;
import com.example.shop.Client;
import com.example.shop.Missing;
import com.example.shop.Prices;
import com.example.shop.RefusedException;
import com.example.shop.Remote;
import java.io.IOException;
import org.apache.dubbo.rpc.RpcException;

/** {@code PricesConsumer PORT}: calls {@link Prices} through the sidecar at PORT, as {@link Client} is told. */
public final class PricesConsumer implements Remote {
    private final Prices prices;
    private final Missing missing;

    private PricesConsumer(Rpc.Sidecar sidecar) {
        prices = sidecar.refer(Prices.class);
        missing = sidecar.refer(Missing.class);
    }

    public static void main(String[] args) throws IOException {
        Client.run(new PricesConsumer(new Rpc.Sidecar("shop", Integer.parseInt(args[0]))));
    }

    @Override
    public String name() {
        return "dubbo";
    }

    @Override
    public Answer ask(String article) {
        return prices.getPrice(article);
    }

    @Override
    public Answer change(String article, int value) throws RefusedException {
        return prices.setPrice(article, value);
    }

    @Override
    public void missing() {
        missing.getNothing("nothing");
    }

    @Override
    public boolean timedOut(Exception e) {
        return e instanceof RpcException rpc && rpc.isTimeout();
    }
}
