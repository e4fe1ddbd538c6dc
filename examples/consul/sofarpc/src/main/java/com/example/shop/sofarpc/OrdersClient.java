package com.example.shop.sofarpc;

import com.alipay.sofa.rpc.core.exception.SofaTimeOutException;
import com.example.shop.Answer;
import com.example.shop.Client;
import com.example.shop.Missing;
import com.example.shop.Orders;
import com.example.shop.RefusedException;
import com.example.shop.Remote;
import java.io.IOException;

/** {@code OrdersClient SIDECAR}: calls {@link Orders} through its sidecar, as {@link Client} is told. */
public final class OrdersClient implements Remote {
    private final Orders orders;
    private final Missing missing;

    private OrdersClient(String sidecar) {
        orders = Rpc.refer(Orders.class, sidecar);
        missing = Rpc.refer(Missing.class, sidecar);
    }

    public static void main(String[] args) throws IOException {
        Client.run(new OrdersClient(args[0]), "orders");
    }

    @Override
    public String name() {
        return "sofarpc";
    }

    @Override
    public Answer ask(String article) {
        return orders.getOffer(article);
    }

    @Override
    public Answer change(String article, int value) throws RefusedException {
        return orders.place(article, value);
    }

    @Override
    public void missing() {
        missing.getNothing("nothing");
    }

    @Override
    public boolean timedOut(Exception e) {
        return e instanceof SofaTimeOutException;
    }
}
